//go:build tools

package engines

import (
	_ "github.com/apache/beam/sdks/v2/go/cmd/prism"
)
