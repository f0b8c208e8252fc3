import { clusterSuite } from '../suites/cluster.ts'
import { simulatedCluster } from '../support/simulated-cluster.ts'

for (const seed of [1, 2, 3, 4, 5]) {
  clusterSuite(`a simulated cluster, seed ${seed}`, async (servers) => simulatedCluster(seed, servers))
}
