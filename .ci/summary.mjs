// Prints the line that closes a CI run, from the test report and the exit codes of the tests, the gate and the longer runs, and exits accordingly.
import { readFileSync } from 'node:fs'

const [report, tests, ...others] = process.argv.slice(2)
let passed = 0
let failed = 0
try {
  const { numPassedTests, numFailedTests, numFailedTestSuites, testResults } = JSON.parse(
    readFileSync(report, 'utf8'),
  )
  // The output of a run is long: repeat what failed beside the line that counts it.
  for (const { name, message, assertionResults } of testResults) {
    if (message !== '') console.log(`failed: ${name}: ${message}`)
    for (const { status, fullName, failureMessages } of assertionResults) {
      if (status === 'failed') console.log(`failed: ${name}: ${fullName}: ${failureMessages.join(' ')}`)
    }
  }
  passed = numPassedTests
  failed = numFailedTests + (numFailedTests === 0 ? numFailedTestSuites : 0)
} catch {
  failed = 1
}
if (tests !== '0' && failed === 0) failed = 1
for (const code of others) {
  if (code === '0') passed += 1
  else failed += 1
}
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
