"""The application on the counter: settlement core, journal, hub client, devices, slips, local API."""
