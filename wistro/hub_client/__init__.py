"""The Hub as the `wistro` command meets it: who is signed in, and the API by HTTP.

`connection` speaks HTTP, `credentials` and `login` say who asks, `link` which project a folder is,
`shapes` what is answered, `api` the calls that commands make, `tree` and `uploading` a folder on its way there.
"""
