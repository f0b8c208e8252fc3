import { clusterSuite } from '../suites/cluster.ts'
import { simulatedCluster } from '../support/simulated-cluster.ts'

/** `npm run soak` runs more. */
const seeds = Number(process.env.CLUSTER_SEEDS ?? 2)

for (let seed = 1; seed <= seeds; seed += 1) {
  clusterSuite(`a simulated cluster, seed ${seed}`, async (servers) => simulatedCluster(seed, servers))
}
