import './app/theme'
import { MantineProvider } from '@mantine/core'
import { QueryClientProvider } from '@tanstack/react-query'
import { StrictMode, useSyncExternalStore } from 'react'
import { createRoot } from 'react-dom/client'
import { Gate } from './app/Gate'
import { listenToKeys } from './app/keys'
import { theme, variables } from './app/theme'
import { language, onLanguage, startI18n } from './i18n'
import { drafts } from './inbox/drafts'
import { queries } from './session/queries'

function App() {
  // A new language starts the tree anew: every sentence on the screen changes at once.
  const lang = useSyncExternalStore(onLanguage, language)
  return (
    <MantineProvider theme={theme} cssVariablesResolver={variables} defaultColorScheme="auto">
      <QueryClientProvider client={queries}>
        <Gate key={lang} />
      </QueryClientProvider>
    </MantineProvider>
  )
}

await startI18n()
drafts.dropOld()
listenToKeys()
const root = document.getElementById('root')
if (!root) throw new Error('index.html has no #root')
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
)
