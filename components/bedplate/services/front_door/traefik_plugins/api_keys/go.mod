module bedplate.dev/apikeys

go 1.22
