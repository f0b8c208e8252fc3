import { clusterSuite } from '../suites/cluster.ts'
import { LiveCluster } from '../support/live-cluster.ts'

clusterSuite('live processes', (servers) => LiveCluster.start(servers, { isRecorded: true }))
