import '../../../www/src/styles/base.css';
