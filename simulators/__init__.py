"""Far ends of the counter as simulators: hub, certificate centre, scanner, printer, cards, people."""
