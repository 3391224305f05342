// Loads docker-compose.yml as docker compose does, for each set of profiles, and checks what the README promises of it:
// known keys and references (compose-go), pinned images, ports on loopback, memory within its limit, no root, secrets for
// those who need them, and a health check for everything that can be asked. Prints the services with their memory.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

type stack struct {
	profiles []string
	files    []string
	limit    int64 // MiB; 0: not promised
}

var stacks = []stack{
	{[]string{"full"}, []string{"docker-compose.yml"}, 4096},
	{[]string{"lite"}, []string{"docker-compose.yml"}, 1228},
	{[]string{"full", "load", "zipkin"}, []string{"docker-compose.yml"}, 0},
	{[]string{"full"}, []string{"docker-compose.yml", "docker-compose.scale.yml"}, 0},
}

// What cannot be asked by a health check, and why.
var withoutHealthcheck = map[string]string{
	"collector":      "its image holds the program alone; nothing waits for it, since telemetry never holds up a service",
	"collector-lite": "the same",
	"sampler":        "the same",
	"load":           "it serves nothing",
}

// PostgreSQL's versions have two numbers, all others three.
var pinned = regexp.MustCompile(`^(postgres:\d+\.\d+-|[^:]+:v?\d+\.\d+\.\d+)`)

// What runs as root, and why.
var asRoot = map[string]string{
	"setup": "chown, once, without a network",
}

func main() {
	failed := false
	for _, stack := range stacks {
		project, err := load(stack)
		if err != nil {
			fmt.Printf("FAILED %v %v: %v\n", stack.files, stack.profiles, err)
			os.Exit(1)
		}
		sum := int64(0)
		fmt.Printf("\n%s, profiles %s\n", strings.Join(stack.files, " + "), strings.Join(stack.profiles, ", "))
		for _, name := range names(project) {
			service := project.Services[name]
			memory := int64(service.MemLimit) / (1 << 20)
			if !oneOff(project, name) {
				sum += memory * int64(service.GetScale())
			}
			fmt.Printf("  %-20s %5d MiB  %s\n", name, memory, service.Image)
			for _, fault := range faults(project, service) {
				fmt.Printf("FAILED %s: %s\n", name, fault)
				failed = true
			}
		}
		fmt.Printf("  %-20s %5d MiB\n", "together", sum)
		if stack.limit > 0 && sum > stack.limit {
			fmt.Printf("FAILED memory is over %d MiB\n", stack.limit)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}

func load(stack stack) (*types.Project, error) {
	options, err := cli.NewProjectOptions(stack.files, cli.WithOsEnv, cli.WithDotEnv, cli.WithProfiles(stack.profiles))
	if err != nil {
		return nil, err
	}
	return options.LoadProject(context.Background())
}

// oneOff says whether others wait for this service's end.
func oneOff(project *types.Project, name string) bool {
	for _, service := range project.Services {
		if service.DependsOn[name].Condition == types.ServiceConditionCompletedSuccessfully {
			return true
		}
	}
	return project.Services[name].Restart == "no"
}

func faults(project *types.Project, service types.ServiceConfig) []string {
	var faults []string
	if !pinned.MatchString(service.Image) {
		faults = append(faults, "its image has no whole version: "+service.Image)
	}
	if service.MemLimit == 0 {
		faults = append(faults, "no mem_limit")
	}
	for _, port := range service.Ports {
		if port.HostIP != "127.0.0.1" {
			faults = append(faults, "port "+port.Published+" is open to other machines")
		}
	}
	for _, volume := range service.Volumes {
		if volume.Source == "secrets" && service.Name != "setup" {
			own := strings.TrimSuffix(service.Name, "-lite")
			if !volume.ReadOnly || volume.Volume == nil || volume.Volume.Subpath != own {
				faults = append(faults, "mounts secrets that are not its own")
			}
		}
		if volume.Type != types.VolumeTypeBind {
			continue
		}
		if _, err := os.Stat(volume.Source); err != nil {
			relative, _ := filepath.Rel(project.WorkingDir, volume.Source)
			faults = append(faults, "mounts what is not there: "+relative)
		}
	}
	if strings.HasPrefix(service.User, "0") && asRoot[service.Name] == "" {
		faults = append(faults, "runs as root")
	}
	asked := service.HealthCheck != nil || service.Build != nil && service.Name != "load"
	if !asked && !oneOff(project, service.Name) && withoutHealthcheck[service.Name] == "" {
		faults = append(faults, "no health check")
	}
	return faults
}

func names(project *types.Project) []string {
	names := project.ServiceNames()
	sort.Strings(names)
	return names
}
