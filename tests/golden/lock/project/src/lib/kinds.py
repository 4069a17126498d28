KINDS = ["parcel", "letter"]
