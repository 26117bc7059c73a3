"""Floor 8: the command line, one file for each group of commands.

Commands import what they run only when they run it: ``--help`` need not wait for torch.
"""
