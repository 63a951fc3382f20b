"""Break the system in each way that an alarm is for, and hear which alarms ring.

- `history`: metrics as CloudWatch keeps them, by period and statistic
- `expressions`: metric math, as far as the template uses it
- `evaluation`: the state of an alarm, by CloudWatch's documented rules
- `deployed`: the alarms of a stack, with the names that its resources have there
- `virtual_time`: minutes of the stack that take a moment, and what they measure
- `stores`, `world`: what breakages need: clients, sessions, functions that are broken
- `breakages`: each way of breaking it, and the alarms that have to ring
- `run`: the proof
"""
