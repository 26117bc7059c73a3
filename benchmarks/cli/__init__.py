"""Floor 8: the command line, one file for each group of commands.

Imports for a command's work stand inside ``run``, so that ``--help`` need not wait for torch.
"""
