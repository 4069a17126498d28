"""THE CONTROL PLANE: the Hub, a Django project; one app a noun. Imports only wistro's contracts; meets runner on the wire."""
