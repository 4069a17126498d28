"""Git hosts behind one port: GitHub by its App, any other by git's own protocol over https."""
