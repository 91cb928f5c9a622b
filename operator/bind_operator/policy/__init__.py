"""The judgement takes facts and gives state, action and conditions. It does no I/O and has no clock."""
