"""Torture: load, kills, freezes and a far side that fails, and then what everybody knows is judged. Of delivery:

groups.py     the states of alert groups, and the webhooks that tell them
clients.py    Alertmanagers: they post each group's states, one after the other, until each is accepted
far_side.py   a PagerDuty that fails at random, before and after it has taken an event, and notes all that arrives
killer.py     kills and freezes workers and whole services at random instants
verdict.py    what is wrong with what arrived, given what was accepted; pure
run.py        puts them together

And of remediation: the same killer, and an API server that fails.

firings.py         Alertmanagers: alerts begin, are told again, and end
cluster.py         a Kubernetes that fails at random, before and after a write took place, and notes when each did
remedy_verdict.py  what is wrong with what was written, given the rules and the rows; pure
remedy_run.py      puts them together; on PostgreSQL the database crashes now and then, too
"""
