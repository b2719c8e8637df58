module bedplate.dev/requestfilter

go 1.22
