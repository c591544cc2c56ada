"""How text is read, cut, found and answered from: the domain. No I/O, no clock."""
