//! The wishes of whoever looks after a rollout: the fields of its spec that can change.

use std::sync::{Arc, Mutex, PoisonError};

use lbgen::execute::{PlanFile, Wish};

use crate::api::{Approval, FrontEnd, Rollout};

/// The wishes right now; the controller keeps them up to date.
#[derive(Debug, Clone, Default)]
pub struct Wishes(Arc<Mutex<Wished>>);

#[derive(Debug, Clone, Default)]
struct Wished {
    approve: Option<Approval>,
    is_paused: bool,
    goes_back: bool,
    /// The generation of the Rollout that says so.
    generation: Option<i64>,
    /// The step that runs, or the last one.
    step: String,
}

impl Wishes {
    fn get(&self) -> Wished {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The objects say this now.
    pub fn hear(&self, front_end: &FrontEnd, rollout: &Rollout) {
        let mut wished = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        wished.approve.clone_from(&rollout.spec.approve);
        wished.is_paused = front_end.spec.paused || rollout.spec.paused;
        wished.goes_back = rollout.spec.go_back;
        wished.generation = rollout.metadata.generation;
    }

    /// No step more.
    pub fn stop(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_paused = true;
    }

    /// The generation of the Rollout that was heard last.
    pub fn generation(&self) -> Option<i64> {
        self.get().generation
    }

    /// A step begins.
    pub fn begin(&self, id: &str) {
        id.clone_into(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).step);
    }

    /// Returns true if what was done is to be undone.
    pub fn is_to_go_back(&self) -> bool {
        self.get().goes_back
    }

    /// Returns true if nothing begins.
    pub fn is_paused(&self) -> bool {
        self.get().is_paused
    }

    /// Returns true if a step may be done.
    pub fn is_approved(&self, plan: &PlanFile, id: &str) -> bool {
        let Some(Approval { until }) = self.get().approve else { return false };
        let Some(until) = until else { return true };
        let at = |id: &str| plan.ids().iter().position(|known| *known == id);
        match (at(id), at(&until)) {
            (Some(step), Some(last)) => step <= last,
            _ => false,
        }
    }

    /// Asked after each step.
    pub fn now(&self, plan: &PlanFile) -> Wish {
        let wished = self.get();
        if wished.goes_back {
            return Wish::Stop;
        }
        let ids = plan.ids();
        let next = ids.iter().skip_while(|id| **id != wished.step).nth(1);
        let is_approved = next.is_none_or(|next| self.is_approved(plan, next));
        if wished.is_paused || !is_approved { Wish::Stop } else { Wish::GoOn }
    }
}
