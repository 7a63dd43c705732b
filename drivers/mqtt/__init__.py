"""MQTT through aiomqtt: the only place that imports it.

`client` adds what aiomqtt leaves to its user (no leaked socket, no lost reason), `tls` and `address` prepare a
connection, `transport` is the `FleetTransport`.
"""
