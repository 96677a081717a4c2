"""The fast parallel hashing core: makes manifests of trees, and verifies trees against them.

Nothing is imported here: whoever verifies does without what makes manifests, and a worker without either.
"""
