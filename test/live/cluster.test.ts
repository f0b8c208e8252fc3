import { vi } from 'vitest'
import { clusterSuite } from '../suites/cluster.ts'
import { LiveCluster } from '../support/live-cluster.ts'

// Processes share the cores with other work of the machine.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 })

clusterSuite('live processes', (servers) => LiveCluster.start(servers, { isRecorded: true }))
