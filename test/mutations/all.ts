import { acceptorFaults } from './acceptor-faults.ts'
import { auditorFaults } from './auditor-faults.ts'
import { clockFaults } from './clock-faults.ts'
import { costFaults } from './cost-faults.ts'
import { learnerFaults } from './learner-faults.ts'
import { lockFaults } from './lock-faults.ts'
import type { Mutation } from './mutation.ts'
import { nodeFaults } from './node-faults.ts'
import { proposerFaults } from './proposer-faults.ts'
import { queueFaults } from './queue-faults.ts'
import { quorumFaults } from './quorum-faults.ts'
import { readFaults } from './read-faults.ts'
import { replicaFaults } from './replica-faults.ts'
import { serviceFaults } from './service-faults.ts'
import { sessionFaults } from './session-faults.ts'
import { snapshotFaults } from './snapshot-faults.ts'
import { storeFaults } from './store-faults.ts'

/** Every fault that the checks have to catch. */
export const mutations: readonly Mutation[] = [
  ...acceptorFaults,
  ...proposerFaults,
  ...quorumFaults,
  ...nodeFaults,
  ...learnerFaults,
  ...queueFaults,
  ...readFaults,
  ...replicaFaults,
  ...serviceFaults,
  ...sessionFaults,
  ...snapshotFaults,
  ...lockFaults,
  ...clockFaults,
  ...auditorFaults,
  ...costFaults,
  ...storeFaults,
]
