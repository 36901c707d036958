"""Classification tasks on the pipeline's training engine: Galaxy10, CIFAR-10, Fashion-MNIST, sports photographs."""
