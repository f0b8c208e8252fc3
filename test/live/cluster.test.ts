import { clusterSuite } from '../suites/cluster.ts'
import { LiveCluster } from '../support/live-cluster.ts'

// Processes share the cores with other work of the machine.
clusterSuite('live processes', (servers) => LiveCluster.start(servers, { isRecorded: true }))
