"""What a person sees and has made, kept through pages and visits, and carried by the address."""
