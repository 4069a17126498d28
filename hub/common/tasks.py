"""Celery finds these: the chores of hub.common."""

from hub.common.work import hand_out_left_overs

__all__ = ["hand_out_left_overs"]
