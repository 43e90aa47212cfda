// Package utils stands in for the one that gitleaks' generator checks its rules with: each sample in which a rule finds
// something is printed as a line of JSON, with the rule's id and the secret.
package utils

import (
	"encoding/json"
	"os"
	"strings"

	"github.com/zricethezav/gitleaks/v8/config"
)

type sample struct {
	Rule   string `json:"rule"`
	Text   string `json:"text"`
	Secret string `json:"secret"`
}

var samples = json.NewEncoder(os.Stdout)

// Validate prints the rule's samples.
func Validate(rule config.Rule, truePositives []string, _ []string) *config.Rule {
	for _, text := range truePositives {
		match := strings.Trim(rule.Regex.FindString(text), "\n")
		if match == "" {
			continue
		}
		if err := samples.Encode(sample{rule.RuleID, text, secret(rule, match)}); err != nil {
			panic(err)
		}
	}
	return &rule
}

// ValidateWithPaths prints nothing: such a rule is for files of certain paths.
func ValidateWithPaths(rule config.Rule, _ map[string]string, _ map[string]string) *config.Rule {
	return &rule
}

func secret(rule config.Rule, match string) string {
	groups := rule.Regex.FindStringSubmatch(match)
	if rule.SecretGroup > 0 {
		return groups[rule.SecretGroup]
	}
	for at, group := range groups {
		if at > 0 && group != "" {
			return group
		}
	}
	return match
}
