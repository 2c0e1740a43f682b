"""Who may approve what: profiles, rules, and what a change comes to by them."""
