"""The fleet channel: what a terminal and the fleet server say to each other over MQTT (profile decision PD-60).

`topics` is the table of channels: who writes where, on which of the two sessions, and which payload stands there. The
broker's access rules and docs/asyncapi.yaml follow from it. `messages` holds the payloads, `commands` the closed list
of signed orders. Nothing here names a person: topics and payloads carry counters, states and our own random ids
(abuse case T43).
"""
