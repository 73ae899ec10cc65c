import { beforeAll, describe, expect, it } from 'vitest'
import { startI18n } from '../i18n'
import { activityText } from './activity'

beforeAll(startI18n)

describe('an activity', () => {
  it('says who did what', () => {
    expect(activityText('status: open → resolved\nassignee: Ana: the 2nd', 'Boris')).toEqual([
      'Boris set the status: Resolved',
      'Boris assigned this to Ana: the 2nd',
    ])
  })

  it('that nobody did says what happened', () => {
    expect(activityText('status: snoozed → open', '')).toEqual(['Status: Open'])
  })

  it('knows nobody', () => {
    expect(activityText('assignee: nobody\nteam: nobody', 'Boris')).toEqual([
      'Boris unassigned this',
      'Boris took this out of its team',
    ])
  })

  it('of a form we do not know is shown as it is', () => {
    expect(activityText('merged: 12', 'Boris')).toEqual(['merged: 12'])
  })
})
