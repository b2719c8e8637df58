module bedplate.dev/tokenissuers

go 1.22
