"""What keeps recovery points from being deleted or changed, and what shows that they are whole. Pure.

*Declared*: the configuration says so. *Observed*: the store says so. *Probed*: drp tried, and was refused.
"""
