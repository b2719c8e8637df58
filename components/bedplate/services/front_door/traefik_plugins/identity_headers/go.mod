module bedplate.dev/identityheaders

go 1.22
