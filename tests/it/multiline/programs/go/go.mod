module example.org/shop

go 1.22

require (
	github.com/pkg/errors v0.9.1
	github.com/sirupsen/logrus v1.9.4
	go.uber.org/zap v1.27.1
)

require (
	go.uber.org/multierr v1.10.0 // indirect
	golang.org/x/sys v0.13.0 // indirect
)
