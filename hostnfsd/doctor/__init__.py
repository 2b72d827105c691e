"""``hostnfsd doctor``: walks a request's way from the exports file to a mounted path.

Pure are the values (``finding``, ``check``, ``report``), the failure catalogue, and what is read
out of other programs' words; the checks themselves and the engine that runs them act.
"""
