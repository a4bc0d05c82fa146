//! A process that dies when it is told to.

use std::cell::RefCell;
use std::rc::Rc;

use amplet_node::Node;
use amplet_storage::Store;
use amplet_storage::testing::Killable;

use super::World;

/// Opens a node whose process dies when its store is told to.
pub fn mortal(world: &World, name: &str) -> (Node, Rc<Killable>) {
    let slot: Rc<RefCell<Option<Rc<Killable>>>> = Rc::default();
    let made = Rc::clone(&slot);
    let wrap = move |inner: Rc<dyn Store>| -> Rc<dyn Store> {
        let store = Killable::living(inner);
        made.replace(Some(Rc::clone(&store)));
        store
    };
    let node = world.open_with(name, world.disk(name), wrap);
    let store = slot.take().expect("just made");
    (node, store)
}
