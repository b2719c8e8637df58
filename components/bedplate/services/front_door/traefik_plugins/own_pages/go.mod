module bedplate.dev/ownpages

go 1.22
