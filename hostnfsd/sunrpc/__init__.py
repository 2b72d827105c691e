"""ONC RPC as NFS uses it: bytes <-> values, and the decisions that rest on them. Nothing does I/O.

- :mod:`~hostnfsd.sunrpc.xdr`, :mod:`~hostnfsd.sunrpc.record`, :mod:`~hostnfsd.sunrpc.rpc`: the
  encoding (RFC 4506), the framing on TCP and the messages (RFC 5531).
- :mod:`~hostnfsd.sunrpc.portmap`, :mod:`~hostnfsd.sunrpc.rpcbind`: how ports are found (RFC 1833).
- :mod:`~hostnfsd.sunrpc.mount`, :mod:`~hostnfsd.sunrpc.nfs`: MOUNT and what of NFS a probe asks
  (RFC 1813).
- :mod:`~hostnfsd.sunrpc.programs`: names of programs and procedures.
- :mod:`~hostnfsd.sunrpc.portmapper`: the virtual portmapper's answers.
- :mod:`~hostnfsd.sunrpc.scan`, :mod:`~hostnfsd.sunrpc.tap`: records, and then calls and replies,
  in a stream that passes by.
"""
