import { Template } from 'aws-cdk-lib/assertions'
import { expect, test } from 'vitest'

import { ownStack } from './own-stack.ts'
import { newApp, propertiesOf } from './synth.ts'

test('a job is loaded from its module into a stack of its user', async () => {
  const stack = await ownStack(newApp())
  const template = Template.fromStack(stack)
  const memories = propertiesOf(template, 'AWS::Lambda::Function').map(({ MemorySize }) => Number(MemorySize))
  expect(memories.toSorted((a, b) => a - b)).toEqual([1769, 1769, 1769, 1769, 1769, 1769, 3008])
  expect(propertiesOf(template, 'AWS::Lambda::EventSourceMapping')).toContainEqual(
    expect.objectContaining({ ScalingConfig: { MaximumConcurrency: 50 } }),
  )
})
