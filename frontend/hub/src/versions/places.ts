import type { Version } from "@shared/api/types";

type Deployment = Version["deployments"][number];

/**
 * Where a version stands, once an environment: a change of variables makes it a successor there, and both are
 * deployments until the older has ended its runs. The weights are added; the state is of the one that serves.
 */
export function placesOf(deployments: readonly Deployment[]): Deployment[] {
  const environments = [...new Set(deployments.map(({ environment }) => environment))];
  return environments.map((environment) => {
    const each = deployments.filter((deployment) => deployment.environment === environment);
    const [main] = [...each].sort(
      (a, b) => b.weight - a.weight || rank(a) - rank(b) || (a.id < b.id ? 1 : -1),
    );
    return { ...main!, weight: each.reduce((sum, { weight }) => sum + weight, 0) };
  });
}

const rank = ({ state }: Deployment) => (state === "stopped" ? 1 : 0);
