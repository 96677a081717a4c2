"""The verifiers that drp ships: each looks at a restored, running application from inside its sandbox.

They import the domain and the errors of drp and nothing else of it. What parses restored content (a database file, a
page, a banner) runs inside the sandbox as a child process, so that hostile content can at worst fail its own check.
"""
