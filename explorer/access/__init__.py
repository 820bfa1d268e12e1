"""Who may reach the app and who asks: addresses, logins, sessions, and the guard in front of every request."""
