"""Tables: what every question returns, which rows of one are shown, and the formats that draw it."""
