/** The commands and comments of each scenario: scripts/build-inspector.ts leaves out what happened, which the page makes anew. */
import crash from '../../test/scenarios/crash-between-persist-and-send.txt'
import delayed from '../../test/scenarios/delayed-and-woken.txt'
import duel from '../../test/scenarios/duel.txt'
import helping from '../../test/scenarios/helping.txt'
import joiner from '../../test/scenarios/late-joiner.txt'
import cutOff from '../../test/scenarios/leader-cut-off.txt'
import lost from '../../test/scenarios/lost-accepted.txt'
import members from '../../test/scenarios/membership-change.txt'
import normal from '../../test/scenarios/normal-case.txt'
import seed from '../../test/scenarios/seed-scenario-5.txt'

/** By the names of their files. */
export const scenarioTexts: Readonly<Record<string, string>> = {
  'normal-case.txt': normal,
  'helping.txt': helping,
  'duel.txt': duel,
  'leader-cut-off.txt': cutOff,
  'late-joiner.txt': joiner,
  'delayed-and-woken.txt': delayed,
  'seed-scenario-5.txt': seed,
  'crash-between-persist-and-send.txt': crash,
  'lost-accepted.txt': lost,
  'membership-change.txt': members,
}
