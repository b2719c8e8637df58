module bedplate.dev/starting

go 1.22
