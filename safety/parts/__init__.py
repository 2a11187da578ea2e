"""The four parts of Vigil. `vigil up` runs all of them in one process; each is also a command of its own."""
