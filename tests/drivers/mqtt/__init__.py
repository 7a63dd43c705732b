"""Tests of the MQTT driver against a real mosquitto."""
