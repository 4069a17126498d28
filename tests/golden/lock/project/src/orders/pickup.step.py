config = {
    "type": "noop",
    "name": "Courier picks up",
    "flows": ["orders"],
    "virtualSubscribes": ["payment.done"],
    "virtualEmits": ["parcel.left"],
}
