"""A first configuration, out of what is found on this machine. Pure: what is found comes in.

:mod:`~hostnfsd.init.facts` says what is looked for, :mod:`~hostnfsd.init.propose` decides, and
:mod:`~hostnfsd.init.text` makes the file. Looking, asking and writing is left to the command.
"""
